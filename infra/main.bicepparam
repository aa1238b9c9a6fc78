using 'main.bicep'

// The same list that is deployed with the app. Where there is none yet: cp gateways.sample.json gateways.json
param gateways = loadJsonContent('../gateways.json')

// azd env set ROTATION_SCHEDULE '0 0 3 * * *', or the same as a variable of your shell. Read docs/deploy.md first:
// with every tick a version 1 gateway stops until its host is given the new key.
param rotationSchedule = readEnvironmentVariable('ROTATION_SCHEDULE')

param assignRoles = bool(readEnvironmentVariable('ASSIGN_ROLES', 'true'))
param runbookUrl = readEnvironmentVariable('RUNBOOK_URL', 'docs/runbook.md')
param alertEmails = filter(split(readEnvironmentVariable('ALERT_EMAILS', ''), ','), email => !empty(email))

// More of them, with their meaning and bounds, at the top of main.bicep.
