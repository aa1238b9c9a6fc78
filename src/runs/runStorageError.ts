/** Storage did not take or return a run. Its gateways' journals hold what was done before. */
export class RunStorageError extends Error {
  override readonly name = "RunStorageError";

  constructor(problems: readonly string[]) {
    super(
      [
        "Storage did not take or return what belongs to a rotation run. What the run did before is in the journals of its gateways.",
        ...problems.map((problem) => `- ${problem}`),
        "Next: make the function's storage account (AzureWebJobsStorage) answer again, and give its identity Storage Blob Data Owner there. resumeRotations then continues the run.",
      ].join("\n"),
    );
  }
}
