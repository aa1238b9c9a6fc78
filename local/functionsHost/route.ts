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
  const pathname = `/${template.split("/").map(toPattern).join("/")}{/}?`;
  const pattern = new URLPattern({ pathname }, { ignoreCase: true });
  return {
    template,
    match(path) {
      const groups = pattern.exec({ pathname: path })?.pathname.groups;
      if (groups === undefined) return undefined;
      return Object.fromEntries(
        Object.entries(groups).map(([name, value = ""]) => [name, decodeParameter(value)]),
      );
    },
  };
}

function toPattern(segment: string): string {
  const parameter = /^\{([a-z_]\w*)\}$/i.exec(segment)?.[1];
  if (parameter !== undefined) return `:${parameter}`;
  if (/[{}]/.test(segment)) {
    throw new Error(`The local functions host does not support the route segment "${segment}".`);
  }
  return segment.replace(/[\\()*+?:]/g, "\\$&");
}

/** Decodes like the real host's server: `%2F`, which would look like a new segment, and invalid encodings stay as they are. */
function decodeParameter(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?=2f)/gi, "%25"));
  } catch {
    return text;
  }
}
