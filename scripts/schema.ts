import { writeFile } from "node:fs/promises";
import { renderGatewaysSchema } from "../src/config/gatewaysSchema.ts";

await writeFile(new URL("../gateways.schema.json", import.meta.url), renderGatewaysSchema());
