import { runtimeRequests } from "./kindRequests.ts";

/** A self-hosted integration runtime of Data Factory version 2. */
export const integrationRuntime = runtimeRequests("2018-06-01");
