import { profileText, summarize } from "./profile.ts";

const root = new URL("../", import.meta.url).pathname;

/**
 * Runs something with a folder for CPU profiles, and gives those of the main thread and of one worker as text. The
 * profiled run is one of its own: profiling costs time.
 *
 * @throws {Error} when no profile of a worker was written: the process ended before its workers had.
 */
export async function profiled(run: (folder: string) => Promise<unknown>): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "weir-profile-" });
  try {
    await run(folder);
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
      name.endsWith(".cpuprofile")
    ).sort();
    const main = files.find((name) => !name.includes(".worker-"));
    const worker = files.find((name) => name.includes(".worker-"));
    if (!main || !worker) {
      throw new Error(`The profiled run wrote no profile of ${main ? "a worker" : "the main thread"}`);
    }
    return await Promise.all(
      [["main thread", main], ["one worker", worker]].map(async ([thread, file]) =>
        profileText(thread!, summarize(JSON.parse(await Deno.readTextFile(`${folder}/${file}`)), root))
      ),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
