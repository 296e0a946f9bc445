import { hasFileLike, type Detector } from './detector.js';

/** Bundler, with gems kept in the workspace; RSpec, Rails' own tests or a Rake task. */
export const detectRuby: Detector = async (files) => {
  if (!files.list.has('Gemfile')) return null;
  const rakefile = (await files.read('Rakefile')) ?? '';
  return {
    from: 'Gemfile',
    setup: ["bundle config set --local path 'vendor/bundle'", 'bundle install'],
    deploy: [],
    test: testLines(),
  };

  function testLines(): string[] {
    if (files.list.has('.rspec') || hasFileLike(files, /^spec\/(.*_spec|spec_helper)\.rb$/)) {
      return ['bundle exec rspec'];
    }
    if (files.list.has('bin/rails') && hasFileLike(files, /^test\//)) return ['bundle exec rails test'];
    if (/RSpec::Core::RakeTask/.test(rakefile)) return ['bundle exec rake spec'];
    return /TestTask|\btask:?\s*\(?:?["']?test\b/.test(rakefile) ? ['bundle exec rake test'] : [];
  }
};
