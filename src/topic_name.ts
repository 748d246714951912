/** Whether a topic can have this name: the broker takes letters, digits, `.`, `_` and `-`, at most 249 of them. */
export function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== "." && name !== "..";
}
