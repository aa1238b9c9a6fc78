import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { defaultOutDir } from "../scripts/build.ts";
import { describeAddresses } from "./addresses.ts";
import { buildApart } from "./buildApart.ts";
import { aborted } from "./interruption.ts";
import { startServices } from "./services.ts";
import type { Session } from "./session.ts";

/**
 * Keeps Azure's services up for the real Functions host, which is run in dist/ with the settings that lead to
 * them, until the session is interrupted.
 *
 * @returns the exit code: 0
 * @throws where it was interrupted before they were up
 */
export async function serveServices({ print, interruption }: Session): Promise<number> {
  await buildApart(defaultOutDir);
  interruption.throwIfAborted();
  const services = await startServices({ fixedPorts: true });
  const settingsFile = path.join(defaultOutDir, "local.settings.json");
  try {
    interruption.throwIfAborted();
    await writeFile(settingsFile, JSON.stringify({ IsEncrypted: false, Values: services.settings }, null, 2));
    print(`
${describeAddresses(services)}

${path.relative(process.cwd(), settingsFile)} leads there. In another terminal:
  cd dist && func start

Ctrl-C ends it all.`);
    await aborted(interruption);
    return 0;
  } finally {
    await Promise.all([rm(settingsFile, { force: true }), services.stop()]);
  }
}
