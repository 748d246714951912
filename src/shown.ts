/** A value in a message: as it would be written in code, cut at 80 characters. */
export function shown(value: unknown): string {
  const text = written(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function written(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number" || typeof value === "symbol") return String(value);
  if (value instanceof Date && Number.isNaN(value.getTime())) return String(value);
  if (value instanceof Promise) return "a Promise";
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle or a bigint inside, or a getter that throws: its kind has to do.
  }
  return text ?? typeof value;
}
