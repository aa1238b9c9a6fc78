export interface Route {
  /** The path from the URL's root, such as `api/rotations/{runId}`. */
  readonly template: string;
  /** @returns the path's parameters, decoded; undefined if the path does not match this route */
  match(pathname: string): Readonly<Record<string, string>> | undefined;
}

/**
 * Creates a route. Each segment is either literal (case does not matter) or one parameter. ASP.NET's other forms
 * (optional, constrained, catch-all, with a default) are not supported.
 *
 * @throws if the template uses one of those
 */
export function createRoute(template: string): Route {
  const parts = template.split("/").map(toPart);
  return {
    template,
    match(pathname) {
      const segments = decodePath(pathname)
        .replace(/^\/|\/$/g, "")
        .split("/");
      if (segments.length !== parts.length) return undefined;
      const params: Record<string, string> = {};
      for (const [index, { parameter, literal }] of parts.entries()) {
        const segment = segments[index] ?? "";
        if (parameter === undefined ? segment.toLowerCase() !== literal : segment === "") return undefined;
        if (parameter !== undefined) params[parameter] = segment;
      }
      return params;
    },
  };
}

function toPart(segment: string): { readonly parameter?: string | undefined; readonly literal: string } {
  const parameter = /^\{([a-z_]\w*)\}$/i.exec(segment)?.[1];
  if (parameter === undefined && /[{}]/.test(segment))
    throw new Error(`The local functions host does not support the route segment "${segment}".`);
  return { parameter, literal: segment.toLowerCase() };
}

/** Decodes like the real host's server: `%2F`, which would look like a new segment, and invalid encodings stay as they are. */
export function decodePath(pathname: string): string {
  return pathname.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded.replace(/%(?=2f)/gi, "%25"));
    } catch {
      return encoded;
    }
  });
}
