/** Preloaded into a child process (`node --import`), so that it does not outlive a parent that was killed. */
process.once("disconnect", () => process.exit());
