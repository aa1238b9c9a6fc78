using 'main.bicep'

// The list that is deployed with the app. If there is none yet: cp gateways.sample.json gateways.json
param gateways = loadJsonContent('../gateways.json')

// Set it with azd env set ROTATION_SCHEDULE '0 0 3 * * *', or as a variable of your shell. Read docs/deploy.md first:
// when its key is rotated, a version 1 gateway stops until its host has the new key.
param rotationSchedule = readEnvironmentVariable('ROTATION_SCHEDULE')

// No tick rotates while this is true.
param paused = bool(readEnvironmentVariable('ROTATION_PAUSED', 'false'))

// azd sets this variable, and finds what belongs to its environment by the tag.
param tags = empty(readEnvironmentVariable('AZURE_ENV_NAME', ''))
  ? {}
  : { 'azd-env-name': readEnvironmentVariable('AZURE_ENV_NAME', '') }

param assignRoles = bool(readEnvironmentVariable('ASSIGN_ROLES', 'true'))
param operatorGroupId = readEnvironmentVariable('OPERATOR_GROUP_ID', '')
param runbookUrl = readEnvironmentVariable('RUNBOOK_URL', 'docs/runbook.md')
param alertEmails = filter(split(readEnvironmentVariable('ALERT_EMAILS', ''), ','), email => !empty(email))
// A JSON object of names and URLs. It comes from the environment, since such a URL is a secret.
param alertWebhooks = json(readEnvironmentVariable('ALERT_WEBHOOKS', '{}'))
param actionGroupIds = filter(split(readEnvironmentVariable('ACTION_GROUP_IDS', ''), ','), id => !empty(id))

// The top of main.bicep describes all other parameters and their bounds.
