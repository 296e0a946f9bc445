/**
 * Where test tools leave their reports unless told otherwise; used where a project sets no `test_reports`.
 * What matches and is no report is passed over. Relative to the workspace; node_modules and the like are not
 * searched.
 */
export const defaultReportGlobs: readonly string[] = [
  '**/junit*.xml',
  '**/{test,tests}-{result,results,report,reports}*.xml',
  '**/{pytest,rspec,phpunit,nosetests,results,report}.xml',
  '**/{test-results,test-reports,test_results,test_reports,TestResults,reports}/**/*.{xml,json,trx,tap,info}',
  '**/target/{surefire,failsafe}-reports/*.xml',
  '**/build/test-results/**/*.xml',
  '**/target/nextest/**/*.xml',
  '**/*.{trx,tap,ctrf.json}',
  '**/ctrf/*.json',
  '**/{ctrf-report,jest-results,jest-report,test-results,test-report}.json',
  '**/lcov.info',
  '**/coverage/**/*.{info,xml}',
  '**/{coverage,cobertura,cobertura-coverage,coverage.cobertura}.xml',
];
