import path from "node:path";

/** The folder of the templates. */
export const infra = path.join(import.meta.dirname, "..", "..", "infra");
