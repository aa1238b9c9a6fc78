/** One call to a service, just before it leaves the process. */
export interface Call {
  /** The id of the runner that makes it. */
  readonly runner: string;
  readonly service: "Resource Manager" | "Key Vault" | "Blob Storage";
  readonly operation: keyof typeof operations;
  /** For readers of a schedule: the gateway and its slot, the secret, or the blob. */
  readonly subject: string;
  /** All that the call carries. Two calls with the same operation and payload are the same call. */
  readonly payload: string;
  /** The etag that a blob write replaces. */
  readonly over?: string | undefined;
}

const operations = {
  regenerate: "changes",
  listKeys: "reads",
  readLatest: "reads",
  readDeleted: "reads",
  write: "changes",
  readBlob: "reads",
  writeBlob: "changes",
  appendBlob: "changes",
  removeBlob: "changes",
  listBlobs: "reads",
} as const;

/** Whether a call can change anything. The lost answer of a read leaves nothing in doubt. */
export const hasEffect = ({ operation }: Call): boolean => operations[operation] === "changes";
