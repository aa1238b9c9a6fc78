import type { HostLog, HostMessage } from "./protocol.ts";

/** The host's two mouths: lines for people on stdout, messages for the process that started it. */
export interface Reporter {
  log(log: HostLog): void;
  report(message: HostMessage): void;
}

export function createReporter(): Reporter {
  const report = (message: HostMessage) => {
    if (process.connected) process.send?.(message);
  };
  return {
    report,
    log(log) {
      console.log(`${log.level.padEnd(11)} ${log.functionName ?? "host"}  ${log.message}`);
      report({ kind: "log", ...log });
    },
  };
}
