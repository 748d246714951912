/** A value inside another one, and the way to it. */
interface Inner {
  readonly value: unknown;
  readonly name: string;
  readonly outer: Inner | undefined;
}

/**
 * The way to a number in a value that JSON has no text for, NaN or an infinity, as in `readings.1.celsius`; undefined
 * when there is none. It keeps its own stack and looks at each value once, so that no nesting is too deep.
 */
export function notFinite(value: unknown): string | undefined {
  const open: Inner[] = [{ value, name: "", outer: undefined }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (typeof at.value === "number" && !Number.isFinite(at.value)) return wayTo(at);
    if (typeof at.value !== "object" || at.value === null) continue;
    for (const [name, inner] of Object.entries(at.value)) {
      if (typeof inner === "number" || typeof inner === "object") {
        open.push({ value: inner, name, outer: at });
      }
    }
  }
  return undefined;
}

function wayTo(value: Inner): string {
  const names: string[] = [];
  for (let at = value; at.outer !== undefined; at = at.outer) names.push(at.name);
  return names.reverse().slice(0, 20).join(".");
}
