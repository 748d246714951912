import { kafka, map, pipeline, postgresTable, text } from "weir";

/** Waits for nothing, and fails: by itself, and by way of a promise that is given on. */
function later(line: string): Promise<string> {
  return Promise.reject(new Error(`no ${line}`));
}

/** Leaves rejected promises to nobody. */
export default pipeline("rejecting", {
  source: kafka("lines", { group: "g", codec: text() }),
  outputs: (lines) => [
    lines.pipe(
      map((line) => {
        if (line !== "given on") void later(line);
        return line === "given on" ? later(line) as unknown as string : line;
      }),
      map((line) => ({ line })),
    ).to(postgresTable("lines", { columns: { line: "text" }, key: ["line"] })),
  ],
});
