import { writeFile } from "node:fs/promises";
import { renderGatewaysSchema } from "../src/config/gatewaysJsonSchema.ts";

await writeFile(new URL("../gateways.schema.json", import.meta.url), renderGatewaysSchema());
