import path from "node:path";

/** Where the templates are. */
export const infra = path.join(import.meta.dirname, "..", "..", "infra");
