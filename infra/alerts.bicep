metadata description = 'Alerts over what the function reports of itself, and the action group that they notify.'

import { resourceTags } from 'types.bicep'

@description('Region of the alert rules: that of Application Insights.')
param location string

@description('Tags of every resource.')
param tags resourceTags

@description('Stands in every name, such as `alert-<namePrefix>-no-heartbeat`.')
@minLength(1)
param namePrefix string

@description('Resource id of the Application Insights that the function sends its events to.')
param applicationInsightsId string

@description('E-mail addresses to notify. With none, alerts are seen in the portal alone.')
param actionGroupEmails string[]

@description('Where docs/runbook.md can be opened at night; each alert links its section.')
param runbookUrl string

// Every query gives a row for each thing that is wrong, and no row where all is well: so one condition serves all.
var rules = [
  {
    name: 'key-in-doubt'
    title: 'A gateway may be cut off: its published key is dead or in doubt'
    meaning: 'The key of a one-key gateway was replaced, or may have been, and the new one is not in the vault. resumeRotations tries again by itself; see why it does not succeed.'
    severity: 0
    query: loadTextContent('queries/alerts/keyInDoubt.kql')
    dimensions: ['gateway', 'code']
    evaluationFrequency: 'PT5M'
    windowSize: 'P2D'
  }
  {
    name: 'no-heartbeat'
    title: 'Nothing looks after the gateways: no heartbeat for an hour'
    meaning: 'resumeRotations sends RotationHeartbeat at every tick. The function app is stopped, cannot start or cannot send telemetry, or its storage cannot be read.'
    severity: 1
    query: loadTextContent('queries/alerts/noHeartbeat.kql')
    dimensions: []
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
  }
  {
    name: 'rotation-failed'
    title: 'A rotation failed; the published key still works'
    meaning: 'The last rotation of the gateway failed. Look up the code.'
    severity: 2
    query: loadTextContent('queries/alerts/rotationFailed.kql')
    dimensions: ['gateway', 'code']
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'run-failed'
    title: 'A run failed as a whole'
    meaning: 'The function failed as a whole: its configuration is wrong, its storage cannot be used, or it was ended. Its exception in Application Insights names every problem.'
    severity: 2
    query: loadTextContent('queries/alerts/runFailed.kql')
    dimensions: ['functionName']
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'gateway-overdue'
    title: 'A gateway has been overdue for a day'
    meaning: 'A last rotation is older than its rotateEveryDays allows, and a whole day of ticks has not changed that. GET /api/gateways names the gateway.'
    severity: 2
    query: loadTextContent('queries/alerts/gatewayOverdue.kql')
    dimensions: []
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'secret-near-expiry'
    title: 'A published key expires within 7 days'
    meaning: 'A secret version is near the end of its expireAfterDays, and no rotation has followed it. GET /api/gateways names the gateway.'
    severity: 2
    query: loadTextContent('queries/alerts/secretNearExpiry.kql')
    dimensions: []
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(actionGroupEmails)) {
  name: 'ag-${namePrefix}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'keyrotation'
    emailReceivers: [
      for (address, index) in actionGroupEmails: {
        name: 'email-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: '${rule.meaning} What to do: ${runbookUrl}#${rule.name}'
      severity: rule.severity
      enabled: true
      // The resource, not its workspace: its tables are there before the first row, and hold no other application's.
      scopes: [applicationInsightsId]
      targetResourceTypes: ['Microsoft.Insights/components']
      evaluationFrequency: rule.evaluationFrequency
      windowSize: rule.windowSize
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [
              for dimension in rule.dimensions: {
                name: dimension
                operator: 'Include'
                values: ['*']
              }
            ]
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      // Fires once for each gateway and resolves itself. Azure does not take muteActionsDuration beside it, and a mute
      // could hold back another gateway's alert.
      autoMitigate: true
      // Application Insights may be a minute old: what would be validated is not there yet.
      skipQueryValidation: true
      actions: {
        actionGroups: empty(actionGroupEmails) ? [] : [actionGroup.id]
      }
    }
  }
]
