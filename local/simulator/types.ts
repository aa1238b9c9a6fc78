/** The services of Azure that the job talks to, all of them on 127.0.0.1. */
export type SimulatedService = "resourceManager" | "keyVault" | "identity" | "ingestion";

/** A request as it arrived, kept for tests and for what `npm start` prints. */
export interface RecordedRequest {
  readonly service: SimulatedService;
  readonly method: string;
  /** Path and query exactly as on the wire. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As on the wire, decompressed; empty where there was none. */
  readonly body: string;
  /** Of the vault that was asked; undefined for other services. */
  readonly vault?: string | undefined;
  /** Set once the answer went out; undefined while it is under way and where the connection was dropped. */
  status?: number;
}

/**
 * What goes wrong, on demand. `effect` says whether the service did the work all the same (and, for `late`,
 * that it does so after `delayMs`, when the caller has long gone).
 */
export type Fault =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Sent as it is; default: the error body that the service would send for this status. */
      readonly body?: string;
      readonly contentType?: string;
      readonly effect: "none" | "applied";
    }
  /** The whole right answer, of which only the first `bytes` are sent before the connection is dropped. */
  | { readonly kind: "cutOff"; readonly bytes: number }
  /** The connection is dropped instead of an answer. */
  | { readonly kind: "drop"; readonly effect: "none" | "applied" }
  /** The request takes effect and is answered normally after this time. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** The connection is held open and never answered; the request takes effect after this time. */
  | { readonly kind: "late"; readonly delayMs: number }
  /** Never answered, never done. */
  | { readonly kind: "hang" }
  /** Runs at that moment (to kill or to stop the process under test), then goes on normally. */
  | { readonly kind: "call"; readonly when: "before" | "after"; readonly run: () => void | Promise<void> };

export interface FaultRule {
  readonly service: SimulatedService;
  /** Which requests; all of the service when left out. */
  readonly matches?: (request: RecordedRequest) => boolean;
  /** How many times it strikes before it is spent. Default: 1; `Infinity` for ever. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface SimulatedVersion {
  readonly version: string;
  readonly value: string;
  readonly contentType?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Seconds since 1970, as Key Vault has it. */
  readonly created: number;
  readonly expires?: number | undefined;
  enabled: boolean;
}

export interface SimulatedSecret {
  readonly name: string;
  /** Oldest first. */
  readonly versions: SimulatedVersion[];
  /** Soft-deleted: `set` answers 409, `get` 404. */
  deleted: boolean;
  /** Owned by a certificate: `set` answers 409. */
  managed: boolean;
}

export interface SimulatorOptions {
  /** Preferred ports; a free one is taken where it is left out or in use. */
  readonly ports?: { readonly resourceManager?: number; readonly vaults?: Readonly<Record<string, number>> };
  /** Names of the vaults; each listens on a port of its own. */
  readonly vaults: readonly string[];
  /** Resource ids of the gateways and integration runtimes that exist. */
  readonly targets: readonly string[];
  /** Part of every key that is handed out, so that a test can look for leaks. Default: none. */
  readonly canary?: string;
  /** White space put around every key that is handed out, as the reference's own sample has. Default: one space before. */
  readonly padding?: { readonly before: string; readonly after: string };
  /** Resource Manager's token bucket for each subscription. Default: 200 writes, 10 more each second. */
  readonly bucket?: { readonly capacity: number; readonly refillPerSecond: number };
}

export interface Simulator {
  readonly resourceManagerUrl: string;
  readonly vaultUrls: Readonly<Record<string, string>>;
  readonly identityEndpoint: string;
  readonly identityHeader: string;
  readonly applicationInsightsConnectionString: string;
  /** The authority that signed the servers' certificates; made at start, its private key never leaves memory. */
  readonly certificateAuthorityPem: string;
  readonly requests: readonly RecordedRequest[];
  /** Every telemetry item that was ingested, in order. */
  readonly telemetry: readonly unknown[];
  inject(rule: FaultRule): void;
  clearFaults(): void;
  /** Whether the service accepts this key of this target now. White space around it does not matter. */
  accepts(resourceId: string, key: string): boolean;
  /** The live keys of a target by slot, without padding. */
  keys(resourceId: string): Readonly<Record<string, string>>;
  /** The secrets of a vault by lower-cased name; tests may change them by hand. */
  secrets(vault: string): Map<string, SimulatedSecret>;
  stop(): Promise<void>;
}
