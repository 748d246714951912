/** Lines of text, made up every minute: how often each word came so far, and in each minute. */
import { countByValue, flatMap, kafka, pipeline, postgresTable, text, tumbling } from "../mod.ts";
import { fakerLines } from "../producers/faker_lines.ts";

export default pipeline("word_count", {
  schedule: { cron: "* * * * *", produce: fakerLines() },
  source: kafka("lines", { group: "weir-word-count", codec: text(), lateness: "1m" }),
  outputs: (stream) => {
    const words = stream.pipe(flatMap(wordsOf));
    return [
      words.pipe(countByValue()).to(postgresTable("word_count")),
      words.pipe(countByValue({ window: tumbling("1m") })).to(postgresTable("words_per_minute")),
    ];
  },
});

/** The words of a line, in lower case: letters and digits, with apostrophes and hyphens inside. */
export function wordsOf(line: string): string[] {
  return line.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
}
