/**
 * Loads the SDKs that the product loads with its first call to a service. In a worker that several files share, an
 * `import()` that is under way when its file ends never resolves, and each later file would wait for it.
 */
import "@azure/arm-datafactory";
import "@azure/keyvault-secrets";
import "../../src/azure/defaultCredential.ts";
