/** The beginning of every request's `User-Agent`, by which Azure's logs name this application. */
export const userAgent = "gateway-key-rotation";
