import { fileURLToPath } from "node:url";

/** One module's import of another. Files are named from the project's root, as in `src/log/mod.ts`. */
export interface Import {
  readonly from: string;
  /** A file of the project, or the specifier as written: `kafkajs`, `node:sqlite`. */
  readonly to: string;
  /** Only types are imported: nothing of it is loaded when the program runs. */
  readonly typeOnly: boolean;
  /** Loaded by `import()`, when it is called, and not with the module. */
  readonly dynamic: boolean;
}

/** What `deno info --json` says, of the parts that are used. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

const root = new URL("../../", import.meta.url);

/** The TypeScript files below some folders of the project, and single files, as far as they are there. */
export function sourceFiles(...paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    try {
      if (Deno.statSync(new URL(path, root)).isFile) return [path];
    } catch {
      return [];
    }
    return [...Deno.readDirSync(new URL(`${path}/`, root))].flatMap(({ name, isDirectory }) =>
      isDirectory || name.endsWith(".ts") ? sourceFiles(`${path}/${name}`) : []
    );
  }).sort();
}

/** All imports of these files, as Deno resolves them. */
export async function importsOf(files: readonly string[]): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((file) => `import ${JSON.stringify(new URL(file, root).href)};`);
    await Deno.writeTextFile(entry, lines.join("\n"));
    const { modules } = await info(entry);
    return modules.flatMap((module) => {
      const from = fileOf(module.specifier);
      if (!from || !files.includes(from)) return [];
      return (module.dependencies ?? []).map(({ specifier, code, type, isDynamic }) => ({
        from,
        to: fileOf(code?.specifier ?? type?.specifier ?? "") ?? specifier,
        typeOnly: code === undefined,
        dynamic: isDynamic === true,
      }));
    });
  } finally {
    await Deno.remove(entry);
  }
}

async function info(entry: string): Promise<Info> {
  const config = fileURLToPath(new URL("deno.json", root));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", config, entry],
  }).output();
  if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A module of the project by its name from the root; undefined for any other. */
function fileOf(specifier: string): string | undefined {
  return specifier.startsWith(root.href) ? specifier.slice(root.href.length) : undefined;
}

/** All that can be reached from some files over these imports, themselves among it. */
export function reachable(roots: readonly string[], imports: readonly Import[]): Set<string> {
  const seen = new Set(roots);
  for (const at of seen) {
    for (const { from, to } of imports) if (from === at) seen.add(to);
  }
  return seen;
}

/** A way round from a file back to itself, or undefined when there is none. */
export function cycle(imports: readonly Import[]): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { from, to } of imports) {
      const found = from === file ? visit(to, [...way, file]) : undefined;
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const { from } of imports) {
    const found = visit(from, []);
    if (found) return found;
  }
  return undefined;
}
