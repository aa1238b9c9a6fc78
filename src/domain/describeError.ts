/** Name and stack of an error, without its message: a message from other code could contain a key. */
export function describeWithoutMessage(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(" ");
}
