/** A run could not be written down or gone on with. No key is regenerated without that. */
export class RunStorageError extends Error {
  override readonly name = "RunStorageError";

  constructor(problems: readonly string[]) {
    super(
      [
        "The record of a rotation run could not be kept, so no key was touched without it.",
        ...problems.map((problem) => `- ${problem}`),
        "Next: make the function's storage account (AzureWebJobsStorage) answer again, and give its identity Storage Blob Data Owner there. resumeRotations goes on by itself then.",
      ].join("\n"),
    );
  }
}
