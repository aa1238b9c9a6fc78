import type { HostLog, HostMessage, HostReady } from "./protocol.ts";

/** The host's two outputs: lines for people on stdout, and messages to the process that started the host. */
export interface Reporter {
  log(log: HostLog): void;
  report(message: HostMessage): void;
  /** Sends the keys to the process that started the host, or prints them if there is no such process. */
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
