import manifest from "../deno.json" with { type: "json" };

/** Weir's version, as `deno.json` has it. */
export const version: string = manifest.version;
