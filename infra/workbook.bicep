metadata description = 'A workbook on Application Insights: gateways, failures, exposure, remaining writes, and the story of one rotation.'

import { resourceTags } from 'types.bicep'

@description('Region of the workbook: the region of Application Insights.')
param location string

@description('Tags of the workbook.')
param tags resourceTags

@description('Resource id of the Application Insights that the function sends its events to.')
param applicationInsightsId string

@description('Title of the workbook.')
param workbookName string = 'Gateway key rotation'

var dayMs = 86400000

var timeRange = {
  type: 9
  name: 'time range'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid('TimeRange')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        value: { durationMs: 30 * dayMs }
        typeSettings: {
          selectableValues: [
            { durationMs: dayMs }
            { durationMs: 7 * dayMs }
            { durationMs: 30 * dayMs }
            { durationMs: 90 * dayMs }
          ]
          allowCustom: true
        }
      }
    ]
  }
}

var requestId = {
  type: 9
  name: 'request id'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid('RequestId')
        version: 'KqlParameterItem/1.0'
        name: 'RequestId'
        label: 'Id of a request, a correlation, a rotation, a run or a secret version'
        type: 1
      }
    ]
  }
}

var charts = [
  {
    name: 'now'
    title: 'Now, from the last heartbeat'
    visualization: 'table'
    query: loadTextContent('queries/workbook/now.kql')
  }
  {
    name: 'gateways'
    title: 'Gateways: last rotation, and when the next one is due'
    visualization: 'table'
    query: loadTextContent('queries/workbook/gateways.kql')
  }
  {
    name: 'failures'
    title: 'Failures by code'
    visualization: 'table'
    query: loadTextContent('queries/workbook/failures.kql')
  }
  {
    name: 'exposure'
    title: 'Exposure: milliseconds during which a published key was dead and the new key not yet in the vault'
    visualization: 'table'
    query: loadTextContent('queries/workbook/exposure.kql')
  }
  {
    name: 'remaining writes'
    title: 'Resource Manager writes left, by subscription'
    visualization: 'timechart'
    query: loadTextContent('queries/workbook/remainingWrites.kql')
  }
  {
    name: 'story'
    title: 'The story of one rotation'
    visualization: 'table'
    query: loadTextContent('queries/workbook/story.kql')
  }
]

var chartItems = [
  for chart in charts: {
    type: 3
    name: chart.name
    content: {
      version: 'KqlItem/1.0'
      title: chart.title
      query: chart.query
      visualization: chart.visualization
      queryType: 0
      resourceType: 'microsoft.insights/components'
      crossComponentResources: [applicationInsightsId]
      timeContextFromParameter: 'TimeRange'
      size: 0
      showExportToExcel: true
    }
  }
]

var document = {
  version: 'Notebook/1.0'
  items: concat([timeRange], take(chartItems, length(charts) - 1), [requestId, last(chartItems)])
  fallbackResourceIds: [applicationInsightsId]
  '$schema': 'https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json'
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // Azure requires a GUID as the name; this one is the same in every deployment.
  name: guid(applicationInsightsId, 'gateway-key-rotation')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: workbookName
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: applicationInsightsId
    serializedData: string(document)
  }
}
