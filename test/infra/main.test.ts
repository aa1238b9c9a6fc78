// All that is tested of infra/main.bicep, in one process: the compiler takes seconds to get warm.
import "./main/parameters.ts";
import "./main/resources.ts";
import "./main/roles.ts";
import "./main/settings.ts";
