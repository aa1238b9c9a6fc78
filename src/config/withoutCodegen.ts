import * as z from "zod";

/** zod would compile a parser for each schema at its first use: more work than all parsing of a run together. */
z.config({ jitless: true });
