# SPDX-License-Identifier: MIT
"""What scripts/prerequisites says of machines that lack something, before anything is downloaded."""
import os
import subprocess

import pytest

import lab

UBUNTU = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04 LTS"\n'


@pytest.fixture
def clone(tmp_path):
    """A folder with the script in it, as a fresh clone has it, that anybody may write."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    (tmp_path / 'scripts').mkdir()
    for name in ('prerequisites', 'identity'):
        with open(os.path.join(lab.ROOT, 'scripts', name)) as file:
            (tmp_path / 'scripts' / name).write_text(file.read())
        (tmp_path / 'scripts' / name).chmod(0o755)
    (tmp_path / 'package').mkdir()
    for name in ('plaintun.identity', 'driver.inf.in'):
        with open(os.path.join(lab.ROOT, 'package', name)) as file:
            (tmp_path / 'package' / name).write_text(file.read())
    tmp_path.chmod(0o777)
    return tmp_path


def run(clone, *before, what='run'):
    """Its exit code and its words, started by the command `before`."""
    done = subprocess.run([*before, 'scripts/prerequisites', what], cwd=clone, text=True, capture_output=True)
    return done.returncode, done.stderr


def as_nobody(*more):
    return ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', *more]


def with_release(path, text):
    """A command before the command: in mounts where this is /etc/os-release."""
    path.write_text(text)
    return ['unshare', '--mount', 'sh', '-c', 'mount --bind "%s" /etc/os-release && exec "$@"' % path, 'sh']


def test_this_machine_has_all(clone):
    assert run(clone) == (0, '')


def test_no_net_admin_is_told_at_the_start(clone):
    code, words = run(clone, 'setpriv', '--bounding-set', '-net_admin')
    assert code == 1
    assert 'NET_ADMIN' in words and '--cap-add NET_ADMIN' in words
    assert words.count('prerequisite missing') == 1


def test_unshare_is_quoted(clone):
    code, words = run(clone, 'setpriv', '--bounding-set', '-sys_admin')
    assert code == 1
    assert 'namespaces (unshare: unshare failed: Operation not permitted)' in words and 'SYS_ADMIN' in words
    assert 'IPv6' not in words


def test_a_chroot_is_told_what_it_lacks(clone):
    root = clone / 'root'
    root.mkdir()
    code, words = run(clone, 'unshare', '--mount', 'sh', '-c',
                      'mount --rbind / "%s" && exec chroot "%s/usr/.." sh -c \'cd "%s" && exec "$@"\' sh "$@"' %
                      (root, root, clone), 'sh')
    assert (code, words) == (0, '')  # the root of the chroot is a mount point
    code, words = run(clone, 'unshare', '--mount', 'sh', '-c',
                      'mkdir -p "%s/plain"; mount -t tmpfs plain "%s"; mkdir "%s/in"; cp -r scripts package "%s/in";'
                      'for f in usr etc dev proc; do mkdir -p "%s/in/$f"; mount --rbind /$f "%s/in/$f"; done;'
                      'for f in bin sbin lib lib64; do ln -s usr/$f "%s/in/$f"; done; exec chroot "%s/in" "$@"' %
                      ((root,) * 8), 'sh')
    assert code == 1
    assert 'cannot change root filesystem propagation' in words and 'mount point' in words


def test_who_is_not_root_is_told_that_alone(clone):
    code, words = run(clone, *as_nobody())
    assert code == 1
    assert words.count('prerequisite missing') == 1 and 'root (' in words
    assert run(clone, *as_nobody(), what='build') == (0, '')


def test_what_root_built_is_named(clone):
    subprocess.run(['scripts/identity', 'package/plaintun.identity', 'build/identity'], cwd=clone, check=True)
    code, words = run(clone, *as_nobody(), what='build')
    assert code == 1
    assert 'build' in words and 'root made' in words and 'chown -R nobody build' in words
    (clone / 'build').chmod(0o777)  # further in
    code, words = run(clone, *as_nobody(), what='build')
    assert code == 1 and 'build/identity' in words
    # make itself writes there first, before it runs anything
    done = subprocess.run([*as_nobody(), 'scripts/identity', 'package/plaintun.identity', 'build/identity'], cwd=clone,
                          text=True, capture_output=True)
    assert done.returncode == 1
    assert 'may not write build/identity' in done.stderr and 'chown -R nobody build' in done.stderr


def test_a_close_relative_goes_on_with_a_warning(clone, tmp_path):
    code, words = run(clone, *with_release(tmp_path / 'release', UBUNTU))
    assert code == 0
    assert 'Ubuntu 24.04 LTS' in words and 'Debian 12 (Wine 8) and Debian 13 (Wine 10)' in words
    assert 'prerequisite missing' not in words


@pytest.mark.parametrize('version', ['12', '13'])
def test_both_releases_are_supported(clone, tmp_path, version):
    assert run(clone, *with_release(tmp_path / 'release', 'ID=debian\nVERSION_ID="%s"\n' % version)) == (0, '')


def test_another_system_is_refused_by_name(clone, tmp_path):
    code, words = run(clone, *with_release(tmp_path / 'release', 'ID=fedora\nPRETTY_NAME="Fedora Linux 42"\n'))
    assert code == 1
    assert 'this is Fedora Linux 42' in words and 'Debian 13' in words
