export interface Row {
  readonly cells: readonly string[];
  /** Lines under the row, indented to its second column. */
  readonly details?: readonly string[];
}

const gap = "  ";

/** Formats a text table. Columns are as wide as their longest cell; those named in `right` are right-aligned. */
export function formatTable(
  head: readonly string[],
  rows: readonly Row[],
  right: readonly string[] = [],
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return right.includes(head[column] ?? "") ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(gap)
      .trimEnd();
  const indent = " ".repeat((widths[0] ?? 0) + gap.length);
  return [
    line(head),
    line(widths.map((width) => "─".repeat(width))),
    ...rows.flatMap(({ cells, details = [] }) => [line(cells), ...details.map((detail) => indent + detail)]),
  ].join("\n");
}
