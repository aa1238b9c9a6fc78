import { z } from "zod";
import { parsedBody, ServiceError, type ServiceRequest } from "./exchange.ts";
import type { VersionContent } from "./secrets.ts";

const maximumValueBytes = 25 * 1024;
const tagText = z.string().max(256);

const content = z.object({
  contentType: z.string().max(255).nullish(),
  attributes: z.object({ enabled: z.boolean().nullish(), exp: z.int().nullish() }).nullish(),
  tags: z
    .record(tagText, tagText)
    .refine((tags) => Object.keys(tags).length <= 15, "more than 15 tags")
    .nullish(),
  value: z
    .string()
    .min(1)
    .refine((value) => Buffer.byteLength(value) <= maximumValueBytes, "larger than 25 KB"),
});

/** Parses the body of a `PUT /secrets/{name}`. @throws ServiceError 400 `BadParameter` */
export function parseContent(request: ServiceRequest): VersionContent {
  const parsed = content.safeParse(parsedBody(request));
  if (!parsed.success) throw rejected(parsed.error);
  const { value, contentType, attributes, tags } = parsed.data;
  return {
    value,
    contentType: contentType ?? undefined,
    tags: tags ?? {},
    expires: attributes?.exp ?? undefined,
    enabled: attributes?.enabled ?? true,
  };
}

function rejected(error: z.ZodError): ServiceError {
  const problems = error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  return badParameter(problems.join("; "));
}

export function badParameter(message: string): ServiceError {
  return new ServiceError(400, "BadParameter", message);
}
