import type { HostLog, HostMessage, HostReady } from "./protocol.ts";

/** The host's two mouths: lines for people on stdout, messages for the process that started it. */
export interface Reporter {
  log(log: HostLog): void;
  report(message: HostMessage): void;
  /** Keys go to the process that started the host; only where there is none, they are printed. */
  ready(ready: HostReady): void;
}

export function createReporter(): Reporter {
  const report = (message: HostMessage) => {
    if (process.connected) process.send?.(message);
  };
  return {
    report,
    ready(ready) {
      if (process.connected) return report({ kind: "ready", ...ready });
      const { port, functions, masterKey, functionKey } = ready;
      console.log(`ready       http://127.0.0.1:${port}  functions: ${functions.join(", ")}`);
      console.log(`keys        master: ${masterKey}  function: ${functionKey}`);
    },
    log(log) {
      console.log(`${log.level.padEnd(11)} ${log.functionName ?? "host"}  ${log.message}`);
      report({ kind: "log", ...log });
    },
  };
}
