metadata description = 'Alerts on the events that the function reports, and the action group that they notify.'

import { resourceTags } from 'types.bicep'

@description('Region of the alert rules: the region of Application Insights.')
param location string

@description('Tags of every resource.')
param tags resourceTags

@description('Part of every name, as in `alert-<namePrefix>-no-heartbeat`.')
@minLength(1)
param namePrefix string

@description('Resource id of the Application Insights that the function sends its events to.')
param applicationInsightsId string

@description('E-mail addresses to notify. Without any, alerts appear only in the portal.')
param actionGroupEmails string[]

@description('URL of docs/runbook.md; each alert links its section.')
param runbookUrl string

// Every query returns one row for each problem and no row if there is none, so all rules share one condition.
var rules = [
  {
    name: 'key-in-doubt'
    title: 'A gateway may be stopped: its published key is dead or in doubt'
    meaning: 'The key of a one-key gateway was replaced or may have been replaced, and the new key is not in the vault. resumeRotations tries again automatically; find out why it does not succeed.'
    severity: 0
    query: loadTextContent('queries/alerts/keyInDoubt.kql')
    dimensions: ['gateway', 'code']
    evaluationFrequency: 'PT5M'
    windowSize: 'P2D'
  }
  {
    name: 'no-heartbeat'
    title: 'No rotation runs or resumes: no heartbeat for an hour'
    meaning: 'resumeRotations sends RotationHeartbeat at every tick. The function app is stopped, cannot start, cannot send telemetry, or cannot read its storage.'
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
    meaning: 'The function failed as a whole: its configuration is wrong, it cannot use its storage, or the platform ended it. Its exception in Application Insights names every problem.'
    severity: 2
    query: loadTextContent('queries/alerts/runFailed.kql')
    dimensions: ['functionName']
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'gateway-overdue'
    title: 'A gateway has been overdue for a day'
    meaning: 'The last rotation of a gateway is older than its rotateEveryDays, and a whole day of ticks did not rotate it. GET /api/gateways shows which gateway.'
    severity: 2
    query: loadTextContent('queries/alerts/gatewayOverdue.kql')
    dimensions: []
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'secret-near-expiry'
    title: 'A published key expires within 7 days'
    meaning: 'A published secret version expires soon (expireAfterDays), and no rotation has replaced it. GET /api/gateways shows which gateway.'
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
      // The resource, not its workspace: its tables exist before the first row, and hold no rows of other applications.
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
      // Fires once for each gateway and resolves itself. Azure does not accept muteActionsDuration together with it, and
      // a mute could suppress another gateway's alert.
      autoMitigate: true
      // Application Insights may have been created a minute ago: the tables that Azure would check do not exist yet.
      skipQueryValidation: true
      actions: {
        actionGroups: empty(actionGroupEmails) ? [] : [actionGroup.id]
      }
    }
  }
]
