import { writeFile } from "node:fs/promises";
import { renderGatewaysSchema } from "./gatewaysJsonSchema.ts";

await writeFile(new URL("../gateways.schema.json", import.meta.url), renderGatewaysSchema());
