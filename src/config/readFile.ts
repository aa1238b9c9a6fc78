import fs from "node:fs";
import { promisify } from "node:util";

/** `node:fs/promises` has it too, but loads all of Node's `readline` for its other functions. */
export const readFile = promisify(fs.readFile);
