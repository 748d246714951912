/** Java's program: JAVA_HOME's, else the one on the PATH. */
export function java(): string {
  const home = Deno.env.get("JAVA_HOME");
  return home ? `${home}/bin/java` : "java";
}
