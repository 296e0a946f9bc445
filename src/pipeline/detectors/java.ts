import { firstOf, type Detector } from './detector.js';

/** Maven or Gradle, by the wrapper where there is one; through `sh`, as its executable bit is often lost. */
export const detectJava: Detector = (files) => {
  const gradleFile = firstOf(
    files,
    'build.gradle',
    'build.gradle.kts',
    'settings.gradle',
    'settings.gradle.kts',
  );
  if (files.list.has('pom.xml')) {
    const maven = `${files.list.has('mvnw') ? 'sh ./mvnw' : 'mvn'} --batch-mode --no-transfer-progress`;
    return Promise.resolve({
      from: 'pom.xml',
      setup: [`${maven} -DskipTests package`],
      deploy: [],
      test: [`${maven} test`],
    });
  }
  if (gradleFile === null) return Promise.resolve(null);
  const gradle = `${files.list.has('gradlew') ? 'sh ./gradlew' : 'gradle'} --no-daemon`;
  return Promise.resolve({
    from: gradleFile,
    setup: [`${gradle} assemble`],
    deploy: [],
    test: [`${gradle} test`],
  });
};
