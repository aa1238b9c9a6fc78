/** The Azure services that the job calls, all on 127.0.0.1. */
export type SimulatedService = "resourceManager" | "keyVault" | "identity" | "ingestion";

/** A request as it arrived, recorded for tests. */
export interface RecordedRequest {
  readonly service: SimulatedService;
  readonly method: string;
  /** Path and query exactly as on the wire. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As on the wire, but decompressed; empty if there was none. */
  readonly body: string;
  /** The vault's name; undefined for other services. */
  readonly vault?: string | undefined;
  /** Set when the answer was sent; undefined before that, and if the connection was dropped. */
  status?: number;
}

/** A fault on demand. `effect` says whether the request takes effect nevertheless. */
export type Fault =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Sent unchanged; default: the error body that the service sends for this status. */
      readonly body?: string;
      readonly contentType?: string;
      readonly effect: "none" | "applied";
    }
  /** The request takes effect. Only the first `bytes` of the answer are sent, then the connection is dropped. */
  | { readonly kind: "cutOff"; readonly bytes: number }
  /** The connection is dropped without an answer. */
  | { readonly kind: "drop"; readonly effect: "none" | "applied" }
  /** The request has no effect. The connection stays open and gets no answer. */
  | { readonly kind: "hang" }
  /** `run` is called at that moment (to kill or stop the process under test); the request is answered normally. */
  | { readonly kind: "call"; readonly when: "before" | "after"; readonly run: () => void | Promise<void> };

export interface FaultRule {
  readonly service: SimulatedService;
  /** Selects requests. Default: all requests to the service. */
  readonly matches?: (request: RecordedRequest) => boolean;
  /** How many requests it applies to. Default: 1; `Infinity`: no limit. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface SimulatedVersion {
  readonly version: string;
  readonly value: string;
  readonly contentType?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Seconds since 1970, like Key Vault's. */
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
  /** On its way to `deleted`, which takes seconds in Azure: `set` answers 409, `get` and the deleted secret 404. */
  deleting?: boolean;
  /** Belongs to a certificate: `set` answers 409. */
  managed: boolean;
}

export interface SimulatorOptions {
  /** Names of the vaults. Each has its own port. */
  readonly vaults: readonly string[];
  /** Resource ids of the gateways that exist, of any kind. */
  readonly gateways: readonly string[];
  /** Properties of runtimes among them that have no keys of their own, by resource id. Default: all are self-hosted. */
  readonly runtimeProperties?: Readonly<Record<string, unknown>>;
  /** Ids of subscriptions that the caller may not read. Default: none. */
  readonly forbidden?: readonly string[];
  /** How many entries a page of a list has at most. Default: 100. */
  readonly pageSize?: number;
  /** A text in every key, so that a test can search for leaked keys. Default: none. */
  readonly canary?: string;
  /** Resource Manager's token bucket for each subscription. Default: 200 writes, refilled by 10 a second. */
  readonly bucket?: { readonly capacity: number; readonly refillPerSecond: number };
}

export interface Simulator {
  readonly resourceManagerUrl: string;
  readonly vaultUrls: Readonly<Record<string, string>>;
  readonly identityEndpoint: string;
  readonly identityHeader: string;
  readonly applicationInsightsConnectionString: string;
  /** The servers' certificate, which clients must trust. It is made at the start; its private key never leaves memory. */
  readonly certificatePem: string;
  readonly requests: readonly RecordedRequest[];
  /** Every ingested telemetry item, in order. */
  readonly telemetry: readonly unknown[];
  inject(rule: FaultRule): void;
  clearFaults(): void;
  /** Whether the service accepts this key of this gateway now. White space around the key is ignored. */
  accepts(resourceId: string, key: string): boolean;
  /**
   * Gives a key to the host of a version 1 gateway, like `dmgcmd -Key`. It registers only with the live key. After a
   * regenerate, it is not registered until it gets that key.
   *
   * @returns whether it registered
   */
  registerHost(resourceId: string, key: string): boolean;
  /** The live keys of a gateway by slot, without padding. */
  keys(resourceId: string): Readonly<Record<string, string>>;
  /** The secrets of a vault, by name in lower case; tests may change them. */
  secrets(vault: string): Map<string, SimulatedSecret>;
  /**
   * Sets the time that the vaults write down as a version's, and Resource Manager as a host's registration, in
   * milliseconds since 1970; undefined: the machine's. Tokens and limits stay with the machine's clock.
   */
  setTime(ms: number | undefined): void;
  stop(): Promise<void>;
}
