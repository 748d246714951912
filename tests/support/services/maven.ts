import { run } from "../commands.ts";
import type { Room } from "./server.ts";

/** `group:artifact` or `group:artifact:version`, as Maven Central names it. */
export type Artifact = `${string}:${string}`;

/**
 * The folder with the jars of some artifacts, of one version unless they say another, and all that they need at run
 * time, downloaded by Maven on the first call and kept in the room's cache.
 */
export async function jars(
  name: string,
  version: string,
  artifacts: readonly Artifact[],
  room: Room,
): Promise<string> {
  const lib = `${room.cache}/${name}-${version}`;
  if (await exists(lib)) return lib;
  await Deno.mkdir(room.cache, { recursive: true });
  // Beside the cache, not in it: an interrupted download must not look like a whole one.
  const unfinished = await Deno.makeTempDir({ dir: room.cache, prefix: "unfinished-" });
  try {
    await Deno.writeTextFile(`${unfinished}/pom.xml`, pom(name, version, artifacts));
    await run("mvn", [
      "--quiet",
      "--batch-mode",
      "dependency:copy-dependencies",
      "-DincludeScope=runtime",
      "-DoutputDirectory=lib",
    ], { cwd: unfinished, signal: room.signal });
    await Deno.rename(`${unfinished}/lib`, lib);
  } catch (error) {
    // Another run was faster.
    if (!await exists(lib)) throw error;
  } finally {
    await Deno.remove(unfinished, { recursive: true });
  }
  return lib;
}

function pom(name: string, version: string, artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, own = version] = artifact.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${own}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>weir.test</groupId>
  <artifactId>${name}</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${dependencies.join("")}</dependencies>
</project>
`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
