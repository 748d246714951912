/** Runs a program to its end and gives what it printed; throws with that when it fails or is not installed. */
export async function run(program: string, args: readonly string[], options: Deno.CommandOptions = {}) {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { ...options, args: [...args], stdin: "null" }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`${program} is not installed`, { cause: error });
    }
    throw error;
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!output.success) {
    const printed = [text(output.stdout), text(output.stderr)].filter((part) => part !== "").join("\n");
    throw new Error(`${program} ${args[0] ?? ""} failed with code ${output.code}: ${printed.slice(-2_000)}`);
  }
  return text(output.stdout);
}
