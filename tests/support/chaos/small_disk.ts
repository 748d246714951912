import { run } from "../commands.ts";

/** A file system of its own that can be filled: a tmpfs, which only root of Linux can mount. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static readonly available = Deno.build.os === "linux" && Deno.uid() === 0;

  static async mount(megabytes: number): Promise<SmallDisk> {
    const path = await Deno.makeTempDir({ prefix: "weir-disk-" });
    await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=711`, "tmpfs", path]);
    return new SmallDisk(path);
  }

  /** Takes all space that is left. */
  async fill(): Promise<void> {
    const file = await Deno.open(this.#ballast, { create: true, append: true });
    try {
      for (let size = 1 << 20; size >= 512;) {
        try {
          await file.write(new Uint8Array(size));
        } catch {
          // No space left for so much.
          size >>= 1;
        }
      }
    } finally {
      file.close();
    }
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await Deno.remove(this.#ballast);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", [this.path]);
    await Deno.remove(this.path);
  }

  get #ballast(): string {
    return `${this.path}/ballast`;
  }
}
