from pyscript import document


def test_packages_work():
    assert document.title == "Ada is 36, a-d is 3 long, [1, 2]"
    assert refuses("old")
