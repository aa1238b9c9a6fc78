// All that is tested with the compiler, in one process: it takes seconds to get warm, and a minute where others keep the
// machine busy. So what compiles first has the time for it.
import "./main/parameters.ts";
import "./main/resources.ts";
import "./main/roles.ts";
import "./main/settings.ts";
import "./main/alerts.ts";
import "./main/workbook.ts";
import "./main/deployDocs.ts";
