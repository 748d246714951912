/** A name as SQL writes it. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL writes it, for statements that take no parameters. Needs `standard_conforming_strings`. */
export function literal(text: string): string {
  if (text.includes("\0")) {
    throw new TypeError(`Postgres cannot hold the character U+0000, which is in ${JSON.stringify(text)}`);
  }
  return `'${text.replaceAll("'", "''")}'`;
}

/** An array of numbers as the text that Postgres casts to one: `{1,null,3}`. */
export function arrayText(values: readonly (number | null)[]): string {
  return `{${values.map((value) => value === null ? "null" : String(value)).join(",")}}`;
}
