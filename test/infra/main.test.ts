// All tests that need the Bicep compiler, in one process: the compiler takes seconds to warm up, and a minute on a busy
// machine.
import "./main/parameters.ts";
import "./main/resources.ts";
import "./main/network.ts";
import "./main/roles.ts";
import "./main/settings.ts";
import "./main/alerts.ts";
import "./alerts/alertSituations.ts";
import "./main/workbook.ts";
import "./main/deployDocs.ts";
