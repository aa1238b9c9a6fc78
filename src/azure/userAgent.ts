/** Begins every request's `User-Agent`, so that Azure's logs tell this application from others. */
export const userAgent = "gateway-key-rotation";
