import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { defaultOutDir } from "../scripts/build.ts";
import { describeAddresses } from "./addresses.ts";
import { buildApart } from "./buildApart.ts";
import { aborted } from "./interruption.ts";
import type { GatewaysDocument } from "./sample.ts";
import { startServices } from "./services.ts";
import type { Session } from "./session.ts";

/**
 * Runs the Azure services for the real Functions host until the session is interrupted. The host runs in dist/, where
 * this function writes the settings with the services' addresses.
 *
 * @returns the exit code: 0
 * @throws if it was interrupted before the services had started
 */
export async function serveServices(
  { print, interruption }: Session,
  gateways: GatewaysDocument | undefined,
): Promise<number> {
  await buildApart(defaultOutDir);
  interruption.throwIfAborted();
  const services = await startServices({ gateways, fixedPorts: true });
  const settingsFile = path.join(defaultOutDir, "local.settings.json");
  try {
    interruption.throwIfAborted();
    await writeFile(settingsFile, JSON.stringify({ IsEncrypted: false, Values: services.settings }, null, 2));
    print(`
${describeAddresses(services)}

${path.relative(process.cwd(), settingsFile)} has these addresses. In another terminal, run:
  cd dist && func start

Press Ctrl-C to stop everything.`);
    await aborted(interruption);
    return 0;
  } finally {
    await Promise.all([rm(settingsFile, { force: true }), services.stop()]);
  }
}
