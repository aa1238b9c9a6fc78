export interface Route {
  /** From the URL's root on, such as `api/rotations/{runId}`. */
  readonly template: string;
  /** @returns the path's parameters, decoded; undefined where the path is not of this route */
  match(pathname: string): Readonly<Record<string, string>> | undefined;
}

/**
 * A route of segments that are either literal, without regard to case, or one parameter. ASP.NET's other forms
 * (optional, constrained, catch-all, with a default) are not served.
 *
 * @throws where the template has one of those
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
    throw new Error(`The local functions host serves no segment such as "${segment}" of a route.`);
  }
  return segment.replace(/[\\()*+?:]/g, "\\$&");
}

/** As the real host's server does: `%2F` stays, since it would look like a second segment, and so does what is no encoding. */
function decodeParameter(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?=2f)/gi, "%25"));
  } catch {
    return text;
  }
}
